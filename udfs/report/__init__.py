"""The page of `report`: rendering alone, plain values in, one HTML text out."""
