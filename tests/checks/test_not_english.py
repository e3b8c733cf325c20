"""Prose in another language, and English that only looks like it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from udfs.checks.not_english import measure_english
from udfs.checks.rules import Verdict

Judge = Callable[..., Verdict]
GOOD = sorted(Path(__file__).with_name("good").glob("*.txt"))
# A teacher and a student on the angles of a triangle, four times over.
OTHERS = {
    "German": "Was ist die Summe der Winkel in einem Dreieck? Wir zeichnen eine Parallele durch die"
    " Spitze und sehen, dass an ihr drei Winkel liegen, die zusammen einen gestreckten ergeben.",
    "Dutch": "Wat is de som van de hoeken van een driehoek? We tekenen een lijn door de top en zien"
    " dat er drie hoeken aan liggen, die samen een gestrekte hoek vormen. Dat is in het boek zo.",
    "French": "Quelle est la somme des angles d'un triangle? On trace une parallèle par le sommet"
    " et on voit que trois angles s'y trouvent, qui font ensemble un angle plat.",
    "Spanish": "¿Cuál es la suma de los ángulos de un triángulo? Trazamos una paralela por el"
    " vértice y vemos que allí hay tres ángulos que juntos forman un ángulo llano.",
    "Italian": "Qual è la somma degli angoli di un triangolo? Tracciamo una parallela per il"
    " vertice e vediamo che lì ci sono tre angoli che insieme formano un angolo piatto.",
    "Portuguese": "Qual é a soma dos ângulos de um triângulo? Traçamos uma paralela pelo vértice e"
    " vemos que ali há três ângulos que juntos formam um ângulo raso.",
    "Polish": "Jaka jest suma kątów w trójkącie? Rysujemy prostą równoległą przez wierzchołek i"
    " widzimy, że leżą przy niej trzy kąty, które razem dają kąt półpełny.",
    "Turkish": "Bir üçgenin açılarının toplamı nedir? Tepeden bir paralel çiziyoruz ve üzerinde"
    " birlikte doğru açı yapan üç açı olduğunu görüyoruz.",
    "Indonesian": "Berapa jumlah sudut sebuah segitiga? Kita menggambar garis sejajar melalui"
    " puncaknya dan melihat bahwa di situ ada tiga sudut yang bersama membentuk garis lurus.",
    "Danish": "Hvad er summen af vinklerne i en trekant? Vi tegner en parallel gennem toppunktet og"
    " ser at der ligger tre vinkler, som sammen giver en lige vinkel, og det er altid for dem.",
    "Russian": "Чему равна сумма углов треугольника? Проведём через вершину параллельную прямую и"
    " увидим, что при ней лежат три угла, которые вместе составляют развёрнутый угол.",
    "Chinese": "三角形的内角和是多少？我们过顶点作一条平行线，可以看到那里有"
    "三个角，它们合起来是一个平角。",
    "Arabic": "ما مجموع زوايا المثلث؟ نرسم مستقيما موازيا يمر بالرأس فنرى أن هناك ثلاث زوايا تشكل"
    " معا زاوية مستقيمة.",
    "Hindi": "त्रिभुज के कोणों का योग क्या है? हम शीर्ष से होकर एक समांतर रेखा खींचते हैं और देखते हैं कि वहाँ"
    " तीन कोण हैं जो मिलकर ऋजु कोण बनाते हैं।",
}
ENGLISH = (
    "**Teacher:** What is the sum of the angles in a triangle?\n\n"
    "**Student:** It is two right angles, because they lie on a line that is parallel to the side"
    " and goes through the top, where each of them can be seen again.\n\n"
)


@pytest.mark.parametrize("language", OTHERS)
def test_another_language_is_found(language: str, judged: Judge) -> None:
    text = f"**Teacher:** {OTHERS[language]}\n\n**Student:** {OTHERS[language]}\n\n" * 2

    assert "not_english" in judged(text).reasons


@pytest.mark.parametrize("language", OTHERS)
def test_a_text_that_drifts_away_is_found(language: str, judged: Judge) -> None:
    text = ENGLISH * 4 + f"**Teacher:** {OTHERS[language]}\n\n" * 8

    assert "not_english" in judged(text).reasons


@pytest.mark.parametrize("language", OTHERS)
def test_one_quoted_sentence_is_fine(language: str, judged: Judge) -> None:
    sentence = OTHERS[language].split("?")[0].split("？")[0]
    text = ENGLISH * 3 + f"**Teacher:** In the original: {sentence}?\n\n" + ENGLISH

    assert "not_english" not in judged(text).reasons


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_dialogues_are_english(path: Path, judged: Judge) -> None:
    assert "not_english" not in judged(path.read_text()).reasons


@pytest.mark.parametrize(
    "text",
    [
        "",
        "**Ada:** Ja.\n\n**Ben:** Nein.",
        "$$a = b$$\n\n" * 60,
        "**Lehrer:** " + " ".join(f"$x_{{{n}}}$" for n in range(99)),
        "```\nwenn nicht dann sonst\n```\n" * 30,
        "alpha α, beta β, gamma γ, delta δ\n" + ENGLISH,
        "x y z n m k a b c d e f " * 20,
        ENGLISH + "Leonhard Euler, Carl Friedrich Gauß, Évariste Galois, Henri Poincaré.",
    ],
    ids=["empty", "short", "formulas", "labels", "code", "Greek", "variables", "names"],
)
def test_what_is_not_judged_or_fine(text: str, judged: Judge) -> None:
    assert "not_english" not in judged(text).reasons


def test_the_least_english_stretch_counts() -> None:
    assert measure_english(["the"] * 10 + ["die"] * 10, 10) == 0.0
    assert measure_english(["the"] * 10 + ["die"] * 5, 10) == 0.5
    assert measure_english(["the", "die"], 10) == 0.5
