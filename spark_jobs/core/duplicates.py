"""Near-duplicates: a fact of all texts together, worked out anew from their signatures each time.

So it depends on what there is alone, and many small runs come to the same as one.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from udfs.checks.duplicate import Limits


def find_duplicates(signed: DataFrame, limits: Limits) -> DataFrame:
    """The `place` of each duplicate, the one it repeats (`first`) and their `similarity`.

    `signed` has a `family`, within which texts are compared, a `place`, which is unique and gives
    the order, and a `signature`; a text without a signature is no duplicate.

    In each band of a family that two texts share, all are compared with the first, and none with
    another: that is linear however many are alike. So the first of several that are alike is never
    a duplicate, and one that is like two others is listed once, with the first of them.
    """
    signed = signed.where("signature is not null")
    band = F.posexplode(hash_bands(limits)).alias("band", "hashed")
    alike = Window.partitionBy("family", "band", "hashed")
    found = signed.select("family", "place", band).withColumn("first", F.min("place").over(alike))
    pairs = found.where(F.col("place") != F.col("first")).select("place", "first").distinct()
    signature = signed.select("place", "signature")
    firsts = signed.select(F.col("place").alias("first"), F.col("signature").alias("first_one"))
    compared = pairs.join(signature, "place").join(firsts, "first")
    similarity = F.expr(similarity_sql("signature", "first_one"))
    compared = compared.withColumn("similarity", similarity)
    similar = compared.where(F.col("similarity") >= limits.min_similarity)
    nearest = F.min(F.struct("first", "similarity")).alias("nearest")
    return similar.groupBy("place").agg(nearest).select("place", "nearest.*")


def hash_bands(limits: Limits) -> Column:
    """One hash for each band of a signature."""
    return F.expr(
        f"transform(sequence(0, {limits.bands - 1}), "
        f"band -> xxhash64(slice(signature, band * {limits.rows} + 1, {limits.rows})))"
    )


def similarity_sql(one: str, other: str) -> str:
    """Part of their hashes in which two signatures agree: an estimate of the grams in common."""
    return f"size(filter(zip_with({one}, {other}, (a, b) -> a = b), same -> same)) / size({one})"
