"""Makes a tokenizer of the text that inference-perf ships, so that no model hub is asked for one.

A token is a word or a sign, as it is to llm-d-inference-sim: what the program counts is what the simulator counts.
"""

import pathlib
import sys

import inference_perf
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

text = pathlib.Path(inference_perf.__file__).parent / "assets" / "shakespeare.txt"
words = Tokenizer(models.WordLevel(unk_token="<unk>"))
words.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(r"\w+|\W"), "isolated")]
)
words.train([str(text)], trainers.WordLevelTrainer(special_tokens=["<unk>"], show_progress=False))
PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>").save_pretrained(sys.argv[1])
