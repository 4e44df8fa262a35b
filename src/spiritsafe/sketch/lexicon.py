"""Cue phrases per class and language: the baseline that the trained classifier has to beat.

Written as weights of the same linear classifier, so that both run through one kernel and a held-out
figure compares nothing but the weights.
"""

from functools import cache

import numpy as np

from spiritsafe.model.words import Capability, Elicitation
from spiritsafe.sketch.classify import BUCKETS, CLASSES, ELICITATIONS, PER_TOKEN, Classifier, features
from spiritsafe.sketch.hashing import PUBLIC_KEY
from spiritsafe.sketch.scan import keys_of
from spiritsafe.sketch.text import gather, normalise
from spiritsafe.sketch.tokens import scratch, tokenise
from spiritsafe.sketch.vocabulary import function_words

__all__ = ["lexicon"]

_CUES: dict[Elicitation | Capability, str] = {
    Elicitation.CHAIN_OF_THOUGHT: """step by step; reasoning step; show your work; chain of thought; think aloud;
        your reasoning; full reasoning; thought process; internal monologue; before answering; 逐步; 思考过程;
        推理过程; 一步一步; paso a paso; tu razonamiento; Schritt für Schritt; Gedankengang; étape par étape;
        raisonnement; шаг за шагом; рассуждения; passo a passo; raciocínio; ステップ; 思考過程; 段階的; 단계별; 사고 과정""",
    Elicitation.TRACE_RECONSTRUCTION: """reconstruct the reasoning; missing reasoning; led to this answer;
        leads to the answer; arrive at this answer; given the final answer; reverse engineer; hidden reasoning;
        original reasoning; 还原推理; 重建; reconstruye; rekonstruiere; reconstituez; восстанови; reconstrua; 復元; 재구성""",
    Elicitation.RUBRIC_GRADING: """rubric; score from; rate the response; scale of; grade the answer; which response
        is better; evaluate the response; impartial judge; 评分标准; 打分; 评分; rúbrica; puntuación; Bewerte;
        Bewertungskriterien; barème; note de; оцени; критерии; pontuação; 採点; 評価基準; 채점; 평가 기준""",
    Elicitation.REWRITING: """rewrite the; paraphrase; rephrase; reword; in your own words; 改写; 重写; 换一种; reescribe;
        parafrasea; umformulieren; formuliere um; reformulez; réécris; перепиши; перефразируй; reescreva; 書き直; 言い換え;
        다시 써; 바꿔 써""",
    Elicitation.PERSONA: """act as; you are a; pretend to be; play the role; roleplay; take on the role; 扮演; 你是一名;
        actúa como; agiere als; du bist ein; agis comme; действуй как; aja como; 演じて; として振る舞; 역할을""",
    Capability.REASONING: """solve; prove; how many; probability; equation; calculate; theorem; integer; triangle; sum of;
        证明; 计算; 求; resuelve; berechne; calcule; вычисли; 解い; 계산""",
    Capability.AGENTIC: "agent; next action; plan and execute; available tools; observation; subtask; workflow; sub-goal",
    Capability.TOOL_USE: "api; function call; toolformer; call the; endpoint; json schema; search query; webhook",
    Capability.CODING: """python; javascript; java; function; code; sql; class; program; c++; algorithm; bug; compile;
        html; script; 代码; 函数; código; Funktion; fonction; код; コード; 코드""",
    Capability.DATA_ANALYSIS: "dataset; csv; dataframe; correlation; regression; chart; statistics; spreadsheet; pandas",
    Capability.COMPUTER_USE: "click; screenshot; cursor; browser; mouse; desktop; scroll; button; double-click",
    Capability.VISION: "image; picture; photo; diagram; in the image; caption; 图片; imagen; Bild; изображен; 画像; 이미지",
    Capability.WRITING: "write a; essay; story; poem; email; blog; article; letter; paragraph; slogan; speech",
    Capability.TRANSLATION: """translate; translation; into French; into English; 翻译; traduce; traducir; übersetze; traduis;
        переведи; traduza; 翻訳; 번역""",
}


def _buckets(phrase: str) -> list[int]:
    """Return the longest feature at each cue's end (a pair for two words, a triple for more)."""
    data, offsets = gather([phrase])
    text, tokens = np.zeros(int(offsets[-1]) + 2, np.uint8), scratch(int(offsets[-1]))
    length = normalise(data, 0, int(offsets[-1]), text)
    n, _ = tokenise(text, length, keys_of(PUBLIC_KEY), function_words(), tokens)
    found = np.empty(PER_TOKEN, np.int64)
    return [int(found[features(tokens, n - 1, 0, found) - 1])]


@cache
def lexicon() -> Classifier:
    """Return the cue phrases as a classifier; a class without a cue in the text stays below zero."""
    weights = np.zeros((BUCKETS, CLASSES), np.int8)
    order = [*Elicitation, *Capability]
    for name, cues in _CUES.items():
        for cue in cues.split(";"):
            weights[_buckets(cue.strip()), order.index(name)] = 127
    bias = np.where(np.arange(CLASSES) < ELICITATIONS, -0.25, 0.0).astype(np.float32)
    bias[[order.index(Elicitation.NONE), order.index(Capability.OTHER)]] = 0.0, 0.05
    return Classifier(weights, np.full(CLASSES, 0.05, np.float32), bias)
