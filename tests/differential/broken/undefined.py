value = undefined_name
