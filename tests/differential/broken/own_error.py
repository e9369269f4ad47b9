class Config(Exception):
    pass


raise Config("é", 2)
