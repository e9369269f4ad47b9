import shop.__init__ as again

from .__init__ import NAME

module = [again.__name__, again.__file__.rpartition("/")[2]]
