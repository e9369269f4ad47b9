"""Commits into a repository in memory and compares trees."""

from dulwich.diff_tree import tree_changes
from dulwich.objects import Blob, Tree
from dulwich.repo import MemoryRepo

EXPECTED = ["ce013625030ba8dba906f756967f9e9ca394464a", ["modify:a.txt", "add:b.txt"]]


def use():
    repo = MemoryRepo()
    store = repo.object_store
    trees = []
    for files in ({"a.txt": b"hello\n"}, {"a.txt": b"changed\n", "b.txt": b"new\n"}):
        tree = Tree()
        for name, text in files.items():
            blob = Blob.from_string(text)
            store.add_object(blob)
            tree.add(name.encode(), 0o100644, blob.id)
        store.add_object(tree)
        trees.append(tree.id)
    changes = [
        f"{change.type}:{change.new.path.decode()}" for change in tree_changes(store, *trees)
    ]
    return [Blob.from_string(b"hello\n").id.decode(), changes]
