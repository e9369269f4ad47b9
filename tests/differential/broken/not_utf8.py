# -*- coding: utf-8 -*-
name = "ÿ"
