import raising
