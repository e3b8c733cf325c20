"""Words that tell speakers from headings, all in lower case; data for `udfs.dialogue.labels`."""


def read_words(words: str) -> frozenset[str]:
    """A set of words written as running text."""
    return frozenset(words.split())


PARTICLES = read_words("al and bin da de del den der di du e el et la le the und van von y")

# What people are called by when they have no name; a lower-case label must be made of these.
ROLES = read_words(
    """
    advocate analyst assistant audience author boss caller candidate chair chairman chairperson
    chairwoman child classmate coach colleague counselor curious customer daughter debater
    doctor dr engineer examiner expert explainer facilitator father friend girl boy grandfather
    grandmother guest guide herr frau host instructor interviewee interviewer journalist judge
    junior kid know-it-all know-all layman layperson laywoman leader learner lecturer listener
    madame madam man manager master mathematician mentor moderator monsieur mother mr mrs ms
    miss narrator newcomer novice opponent panelist parent participant partner peer person
    physicist planner prof professor programmer proponent pupil questioner reader reporter
    researcher reviewer scientist senior sir skeptic solver son speaker statistician student
    supervisor teacher thinker trainer tutor user verifier woman enseignant élève étudiant
    étudiante professeur maître lehrer lehrerin schüler schülerin studentin dozent moderatorin
    profesor profesora maestro maestra alumno alumna estudiante entrevistador professore
    studente insegnante aluno aluna estudante учитель ученик студент студентка преподаватель
    профессор эксперт вчитель учень nauczyciel nauczycielka uczeń uczennica učitel žák docent leraar
    leerling lärare elev lærer opettaja oppilas öğretmen öğrenci tanár diák δάσκαλος
    μαθητής 老师 老師 教师 教師 先生 学生 學生 同学 生徒 教授 专家 專家 主持人 嘉宾
    선생님 교사 학생 교수 शिक्षक छात्र معلم طالب أستاذ
    """
)

# What textbooks, and models that write like them, put before a colon.
STRUCTURAL = read_words(
    """
    abstract action addendum advantage advantages advice agenda aim algorithm also alternatively
    analysis answer answers appendix application applications approach argument article aside
    assertion assume assumption assumptions attention axiom background basis basically because
    bonus bottom but calculate calculation calculations case cases caution caveat chapter check
    claim code column comment compare complexity computation compute concept conclusion
    condition conditions conjecture consequence consequently consider constraint constraints
    construction contents context contradiction conversation converse corollary correction
    counter-example counterexample data date debate definition definitions derivation
    description detail details diagram dialogue difference differentiate direction disadvantages
    discussion divide domain edge either end equation equations equivalently error establish
    evaluation evidence exactly examination example examples except exception exercise exercises
    expand expanded expected explanation explicitly expression fact facts factor false figure
    final finally find first firstly follow following footnote for formula formulae formulas
    formally fourth from function further furthermore future generally generalization given
    gives goal goals graph hence here hint hints however hypothesis idea identity if image
    implementation implication important in indeed induction inductive inequality input
    instruction instructions insight interpretation intersection interview introduction
    intuition intuitively invariant iteration it item key keywords last law left lemma lesson
    let let's lhs limitation limitations line link list location main material method methods
    moreover motivation multiply namely near next no nota notation note notes now number numbers
    numerator denominator objective observation observations observe obviously often ok okay one
    operation operations option or other otherwise outcome outline output overview page paper
    paradox paragraph part parts plan point points practice precisely preliminaries premise
    prerequisites principle problem problems procedure process product program proof proofs
    properties property proposition prove purpose q.e.d qed question questions quotient range
    rationale reason reasons recall recap reference references reflection reformulation
    remainder remark remarks remember reminder requirement resources response restatement result
    results review rewrite rhs right root row rule rules running same sample scenario scene
    schedule second secondly section sequence series set setting setup side similarly simplify
    simply since situation so solution solutions solve source space spoiler statement step steps
    strategy subject substitute subtract suggestion sum summary suppose surprise symbols table
    takeaway takeaways task terminology test text that then theorem theorems theory there
    therefore these they third thirdly this thus time tip tips title to today today's together
    tool topic total transcript transition true type unit units update url use uses using value
    values variables verification verify version warning we well what when where which while why
    with yes http https dear ps nb eg ie fig eq ex def thm lem cor prop rem sol ans beweis beispiel
    lösung satz bemerkung aufgabe schritt fall hinweis anmerkung preuve démonstration exemple
    remarque théorème étape cas exercice demostración ejemplo solución teorema paso caso
    observación ejercicio demonstração доказательство пример решение теорема лемма замечание шаг
    случай задача 证明 證明 例 例子 例如 解 注意 定理 引理 步骤 问题 答案 结论 因此 所以
    """
)
