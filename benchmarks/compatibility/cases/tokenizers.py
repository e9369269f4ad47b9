"""Trains a small BPE and uses it."""

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

EXPECTED = [["low", "er", "low"], "lower low", True]


def use():
    tokenizer = Tokenizer(models.BPE(unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=12, special_tokens=["?"], show_progress=False)
    tokenizer.train_from_iterator(["low low low er er er"] * 10, trainer)
    found = tokenizer.encode("lower low")
    again = Tokenizer.from_str(tokenizer.to_str()).encode("lower low")
    text = "lower low"
    parts = [text[start:end] for start, end in found.offsets]
    return [parts, parts[0] + parts[1] + " " + parts[2], again.ids == found.ids]
