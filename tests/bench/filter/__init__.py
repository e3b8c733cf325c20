"""What the filter's checks cost, beside the field's web filters on the same text."""
