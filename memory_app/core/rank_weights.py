PLAIN: dict[str,float] = {}
WITH_VECTORS: dict[str,float] = {}
FLOOR = 0.4
