from decimal import Decimal

PRICE = Decimal("2.50")
