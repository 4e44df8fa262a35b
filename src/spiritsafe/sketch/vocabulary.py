"""Words that carry no subject: function words of the big languages, looked up by public hash.

One open-addressed table answers two questions per word, whether it weighs nothing in a projection and
which languages it speaks for, so the scan needs a single look-up. The lists are short on purpose: a
language shows in its twenty most frequent words, and a stop word missed only costs a little contrast.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from spiritsafe.sketch.hashing import PUBLIC_KEY, Purpose, derive, siphash
from spiritsafe.sketch.kernel import Array, Word, inlined, kernel

__all__ = ["FUNCTION_WORDS", "Vocabulary", "function_words", "look_up"]

FUNCTION_WORDS: dict[str, str] = {
    "en": """the of and to in a is that for it on as with was be by are this at from or an have not you which
        but has had his he they were their its can will would there been if more when who what so no out up
        into your my me we i do does did how why where than then them these those also any some all our us
        she her him about should could may might must shall am being because while between each other such
        only own same very just over under again here both few most nor too own s t re ll ve d m let""",
    "es": """el la los las de que y en un una por con para es no se lo al del como más pero sus le su o este
        esta son ha si sobre entre cuando muy sin ser también fue hasta hay donde desde todo nos durante ni
        contra otros ese eso ante ellos e esto mí antes algunos qué unos yo otro otras él tanto esa estos
        cada cual te mi tu cómo están tiene cuál cuántos era""",
    "fr": """le la les de des du et en un une est que qui dans pour par sur pas plus ne se ce il elle au aux
        avec son sa ses ou mais comme tout nous vous je tu on leur cette ces été sont être fait même aussi
        si sans y où dont entre donc ni car mon ma mes votre vos notre nos quel quelle d l c n qu j s""",
    "de": """der die das und in den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden
        aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur
        oder aber vor zur bis mehr durch man sein wurde wenn können ihre ihr ich du wir was welche wer wo
        warum eines diese dieser dieses mein kein sehr dann unter""",
    "pt": """o a os as de que e do da em um uma para com não por se na no dos das mais como mas ao ele ela
        seu sua ou quando muito nos já eu também só pelo pela até isso entre depois sem mesmo aos seus quem
        nas me esse eles você essa num nem suas meu às minha numa qual são é foi ser tem está há onde""",
    "it": """il lo la i gli le di e che a in un una per con non da del della dei delle è si come più ma al
        alla nel nella anche sono sul ha se o questo questa io tu lui lei noi voi loro quando cosa dove
        perché qual quale chi mi ti ci vi essere stato suo sua tra fra dal dalla""",
    "nl": """de het een en van in is dat op te zijn met voor niet aan er om als ook bij door naar maar uit
        wordt dan nog hij ze zij wij je jij ik deze dit die heeft hebben kan wat wie waar hoe waarom over
        tot onder geen meer veel worden mijn""",
    "ru": """и в не на я что он с как это по но они к у вы из за от то все так же для мы о бы ли его её их
        мне меня был была было быть есть или если когда только уже до чтобы этот эта эти кто где почему
        может при об во со ни нет да ещё под без также который которые через между после чем себя""",
    "ar": """في من على أن إلى عن هذا هذه التي الذي ما لا كان هو هي مع كل أو ثم قد بين بعد عند حتى إذا كما لم
        لن ذلك تلك هناك نحن أنت أنا كيف لماذا أين متى و ف""",
    "hi": """के का की में है और से को पर यह कि एक ने हैं भी तो ही था हो कर इस जो नहीं या वह अपने लिए साथ
        क्या कैसे क्यों मैं आप हम उस ये वे गया""",
    "ja": "の に は を た が で て と し れ さ ある いる も する から な こと として い や など なっ ない この ため その です ます",
    "zh": "的 了 在 是 和 有 我 你 他 她 它 们 这 那 就 也 都 而 及 与 或 一 个 不 为 以 对 把 被 从 到 吗 呢 吧 请 之",
    "ko": "은 는 이 가 을 를 의 에 에서 와 과 도 로 으로 하고 그리고 하지만 그 저 나 너 우리 것 수 등 및 더 때 어떻게 왜",
    "tr": """ve bir bu da de için ile çok daha olarak gibi ne kadar sonra ama en var mı ki olan o ben sen biz
        siz nasıl neden nerede değil her şey ya""",
    "vi": "là và của có cho không một các được trong với này đã người những để khi về như từ ra đến bạn tôi",
    "id": """yang dan di dari untuk dengan ini itu pada adalah dalam tidak ke akan juga atau saya kamu anda
        kami mereka bagaimana mengapa apa oleh sebagai bisa telah""",
    "pl": """i w na z do nie się to że jest o jak ale po co tak za od przez dla być był są czy oraz tylko
        już może jego jej ich który która które""",
}
"""Function words per ISO 639-1 code, normalised as the scan sees them."""


class Vocabulary(NamedTuple):
    """An open-addressed table: ``keys`` uint64[S] public word hashes (0 empty), ``languages`` uint32[S] bit sets."""

    keys: Array
    languages: Array


@cache
def function_words() -> Vocabulary:
    """Return the table of ``FUNCTION_WORDS``; bit i of a row stands for the i-th language."""
    key = derive(PUBLIC_KEY, Purpose.WORD)
    masks: dict[int, int] = {}
    for bit, words in enumerate(FUNCTION_WORDS.values()):
        for word in words.split():
            raw = np.frombuffer(word.casefold().encode(), np.uint8)
            hashed = int(siphash(raw, 0, len(raw), key))
            masks[hashed] = masks.get(hashed, 0) | 1 << bit
    return _table(masks)


def _table(masks: dict[int, int]) -> Vocabulary:
    size = 1 << (4 * len(masks)).bit_length()
    table = Vocabulary(np.zeros(size, np.uint64), np.zeros(size, np.uint32))
    for hashed, mask in sorted(masks.items()):
        slot = hashed % size
        while table.keys[slot]:
            slot = (slot + 1) % size
        table.keys[slot] = hashed
        table.languages[slot] = mask
    return table


@inlined
def look_up(vocabulary: Vocabulary, hashed: Word) -> Word:
    """Return the languages (bit set, 0 for none) in which the word with this public hash is a function word."""
    last = np.uint64(len(vocabulary.keys) - 1)
    slot = hashed & last
    while vocabulary.keys[slot]:
        if vocabulary.keys[slot] == hashed:
            return vocabulary.languages[slot]
        slot = (slot + np.uint64(1)) & last
    return np.uint32(0)
