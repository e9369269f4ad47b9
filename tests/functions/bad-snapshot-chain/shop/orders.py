from shop.metrics import count

__all__ = ["count"]
