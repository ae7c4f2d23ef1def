"""A right-hand side on a periodic box compiled as one piece: pointwise work inside the passes of its transforms.

A program ``modes -> inverse transforms -> grid -> forward transforms -> modes`` becomes three functions. The first one
makes the fields on columns of modes and transforms them along axis 0; the second one finishes the inverse transforms of
a few rows, forms the products while their values lie in registers and in the cache, and begins the forward transforms;
the third one ends these on columns and combines them to the result. Values on the grid are never stored as arrays.
"""
