"""Components, one folder per category; the folders have no `__init__`, so that several trees may add to them."""
