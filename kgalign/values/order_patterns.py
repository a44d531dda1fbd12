"""The patterns of texts that give orders to a model: data of :mod:`kgalign.values.orders`, in groups.

Each group has the words, in lower case and parted by ``|``, of which a text must hold one to be looked at.
"""

_LABEL = r"(?:[A-Z]|(?i:none|yes|no))"
"""What a question lets a model choose; the letters of options are capitals."""
_QUOTE = r"[\s\"'`“”„«»「『(\[*:=\\-]*"
_ENDS = (
    r"(?=[\"'`“”«»」』)\]*\\]*\s*(?:$|[.,;:!?…。、}/|<(\[{]|(?i:and|always|now|only|instead|please|for|in|to|here|"
    r"every|nothing|regardless|whatever|no matter|as|or|und|et|y|e|i|и)\b))"
)
"""What may follow a label that is the whole answer, and not the beginning of a name."""
_LITTLE = r"(?:\W+[\w']+){0,6}?\W+"
_GLUE = (
    r"(?:\W+(?i:with|only|just|always|simply|by|for|the|is|be|option|label|letter|candidate|choice|"
    r"answer|must|"
    r"should|as|your|word|and|to|of|record|this|it|question|every|all|single|exactly))*"
)
_STRONG = r"(?i:answers?|repl(?:y|ies)|responds?|chooses?|selects?|outputs?)"
_WEAK = r"(?i:say|pick|give|vote|return|print|write|state|emit|prefer|take)"
_NAMES = r"(?i:option|label|letter|candidate|choice|only|always|just|simply|exactly)"
_DISMISS = (
    r"(?i:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|ing)|bypass(?:ing)?|discard(?:ing)?|"
    r"neglect|(?:do not|don't|stop|never) (?:follow|obey|heed)(?:ing)?)"
)
_POINTER = (
    r"(?i:previous|prior|above|earlier|preceding|foregoing|all|any|your|these|those|system|given|other|every|"
    r"whatever|everything|original|initial)"
)
_TOLD = (
    r"(?i:instructions?|prompts?|rules?|guidelines?|directions?|directives?|commands?|orders?|context|"
    r"constraints?|system messages?|told|said|options|candidates|evidence)"
)
_QUALITY = r"(?i:right|correct|true|final|only|best|valid|expected|proper)"
_THING = r"(?i:answer|option|choice|match|candidate|label)"

PATTERNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Dismissing what was said before.
    (
        "ignor|disregard|forget|overrid|bypass|discard|neglect|follow|obey|heed",
        (
            rf"\b{_DISMISS}\W+(?:[\w']+\W+){{0,3}}?{_POINTER}(?:{_LITTLE}|\W+){_TOLD}\b",
            rf"\b{_DISMISS}\W+(?:[\w']+\W+){{0,2}}?{_TOLD}\W+(?:[\w']+\W+){{0,2}}?"
            r"(?i:above|before|earlier|so far|previously|until now)\b",
            r"\b(?i:ignore|disregard|forget|override)\W+(?:(?i:the|your|my|these|those)\W+)?"
            r"(?i:instructions?|system prompt|prompts?)\b",
            r"\b(?i:ignore|disregard|forget)\W+(?i:everything|anything|all|what)\W+"
            r"(?i:above|before|that came|else|you|was|has)\b",
        ),
    ),
    (
        "previous|prior|above|earlier|preceding",
        (
            r"\b(?i:previous|prior|above|earlier|preceding)\W+(?i:instructions?|rules?|"
            r"prompts?)\W+(?:\w+\W+){0,3}?"
            r"(?i:void|cancell?ed|wrong|obsolete|outdated|replaced|no longer|do not apply|don't apply)\b",
            r"\b(?i:instructions?|rules?|prompts?)\W+(?i:above|before|so far)\W+(?:\w+\W+){0,3}?"
            r"(?i:void|cancell?ed|wrong|obsolete|outdated|replaced|no longer|do not apply|don't apply)\b",
        ),
    ),
    # Naming an answer.
    (
        "answer|repl|respond|choose|select|output",
        (rf"\b{_STRONG}\b{_GLUE}{_QUOTE}\b{_LABEL}\b{_ENDS}",),
    ),
    (
        "say|pick|give|vote|return|print|write|state|emit|prefer|take",
        (rf"\b{_WEAK}\b{_GLUE}\W+{_NAMES}{_GLUE}{_QUOTE}\b{_LABEL}\b{_ENDS}",),
    ),
    (
        "answer|option|choice|match|candidate|label",
        (
            rf"\b(?i:the|your|only)\W+(?:{_QUALITY}\W+){{0,2}}{_THING}\W+"
            rf"(?i:is|must be|should be|has to be|will be|here is)\b{_GLUE}{_QUOTE}\b{_LABEL}\b{_ENDS}",
            rf"\b{_LABEL}\W+(?i:is|must be|should be)\W+(?i:the|your)\W+(?:{_QUALITY}\W+)?{_THING}\b",
            rf"\b(?i:choice)\\?[\"']?\s*[:=]\s*\\?[\"']?{_LABEL}\b",
            rf"\b(?i:candidate|option)\s{_LABEL}\s?[:=]",
        ),
    ),
    # Speaking to whoever reads.
    (
        "you must|you should|you shall|you have to|you are|you're|the model|the judge|the assistant|"
        "the ai|the llm",
        (
            r"\b(?i:you|the (?:model|judge|assistant|ai|llm))\W+(?i:must|should|shall|have to|has to|"
            r"are to|is to|"
            r"are required to|are instructed to|"
            r"are ordered to)(?:\W+[\w']+){0,3}?\W+(?<!\bthe )(?i:answer|reply|respond|"
            r"(?:choose|select|pick|output|merge|match|link|treat|mark|ignore|approve|"
            r"reject)\W+(?i:this|these|both|"
            r"it|them|option|record|the (?:option|record|candidate|first|last|two)|all|none|[A-Z]\b))\b",
            r"\b(?i:you are|you're)\W+(?:(?i:now|no longer)\W+)?(?:(?i:an?|the)\W+)?(?:[\w-]+\W+){0,2}?"
            r"(?i:ai|assistant|language model|llm|chatbot|gpt|judge that|dan)\b",
        ),
    ),
    (
        "act as|pretend|from now|system prompt|system override|developer|instruction|new rule|new task|"
        "attention|note|"
        "message|hint",
        (
            r"\b(?i:act as|pretend to be)\W+(?i:an?|the)\W+(?:[\w-]+\W+){0,2}?(?i:ai|language model|llm|"
            r"chatbot)\b",
            r"\b(?i:from now on)\W+(?:(?i:you|always|must|only|will)\W+)*(?i:answer|respond|choose|"
            r"select|reply)\b",
            r"\b(?i:(?:system|developer) (?:prompt|override))\b",
            r"\b(?i:new|updated|revised)\W+(?i:instructions?|rules?|task)\s*:",
            r"\b(?i:attention|notes?|message|instructions?|hint)\W+(?i:for|to)\W+(?:(?i:the)\W+)?"
            r"(?i:ai|llm|language model|model|assistant|judge|chatbot|annotator)s?\b",
        ),
    ),
    # Saying what becomes of the records.
    (
        "record|option|candidate|entry|entries",
        (
            r"\b(?i:these|both|the two|the|this)\W+(?:(?i:two)\W+)?(?i:records?|options?)\W+(?:\w+\W+){0,3}?"
            r"(?i:are|is|describe|must be|should be)\W+(?:\w+\W+){0,3}?"
            r"(?i:the same|identical|different|no match|merged|linked|one thing|right)\b",
            r"\b(?i:must|always|never|do not|don't)\W+(?:(?i:be)\W+)?(?i:merged?|match(?:ed)?|link(?:ed)?)\W+"
            r"(?i:this|these|the|it|with|both|any)\W+(?:\w+\W+){0,2}?(?i:records?|options?|candidates?|"
            r"entr(?:y|ies))\b",
        ),
    ),
    # Other languages: dismissing, then naming.
    (
        "ignor|vergiss|vergessen|missacht|beachte|oublie|compte|olvid|esque|dimentic|desconsider|omiso|"
        "negeer|pomi",
        (
            r"\b(?i:ignorier\w*|vergiss|vergessen sie|missachte\w*|beachte\w* nicht)\W+(?:\w+\W+){0,5}?"
            r"(?i:anweisung\w*|anleitung\w*|regeln|vorgaben|befehle\w*|instruktion\w*|hinweise)",
            r"\b(?i:ignore[zr]?|oublie[zr]?|ne ten(?:ez|ir) pas compte)\W+(?:\w+\W+){0,5}?"
            r"(?i:instructions|consignes?|règles|directives)",
            r"\b(?i:ignora\w*|ignor[ei]\w*|olvid[ae]\w*|esqueça\w*|dimentica\w*|desconsider\w*|"
            r"haz caso omiso)\W+"
            r"(?:\w+\W+){0,5}?(?i:instruc\w+|istruzion\w+|instruç\w+|reglas|regole|regras|órdenes|ordens|"
            r"indicaciones)",
            r"\b(?i:negeer\w*|zignoruj\w*|ignoruj\w*|pomiń)\W+(?:\w+\W+){0,5}?"
            r"(?i:instructies?|polece\w+|instrukcj\w+|regels|zasad\w*)",
        ),
    ),
    (
        "antwort|wähl|répond|choisi|sélect|respond|elig|elij|escolh|rispond|scegli|selec|selez|antwoord|"
        "kies|odpowied|"
        "wybierz|ответь|отвечай|выбер|выбирай",
        (
            r"\b(?i:antworte\w*|wähle\w*|réponds|répondez|choisis(?:sez)?|sélectionne[zr]?|responda?|"
            r"responde|elig[ea]|"
            r"elija|escolha|rispond[ia]|scegli|selecciona|seleziona|antwoord|kies|odpowiedz|wybierz|"
            r"ответь\w*|отвечай\w*|"
            rf"выбери\w*|выбирай\w*)(?:\W+\w+){{0,3}}?{_QUOTE}\b{_LABEL}\b{_ENDS}",
        ),
    ),
    (
        "игнор|забудь|обращай",
        (
            r"(?i:(?:про)?игнорируй\w*|забудь\w*|не обращай\w*)\W+(?:\w+\W+){0,5}?"
            r"(?i:инструкци\w+|указани\w+|правил\w*|команд\w*)",
        ),
    ),
    (
        "忽略|无视|無視|忘|不要理|回答|选|選|答|输出|輸出|무시|답|대답|선택|تجاهل|निर्देश",
        (
            r"(?:忽略|无视|無視|忘记|忘記|不要理会|不要理會).{0,12}?(?:指令|指示|说明|說明|规则|規則|提示|要求)",
            r"(?:回答|选择|選擇|答案是|输出|輸出|选|選)\s*(?:选项|選項)?[\s“「『\"':：]*[A-Z](?![A-Za-z])",
            r"(?:指示|命令|指令|ルール|プロンプト).{0,6}?(?:無視|忘れ)",
            r"[A-Z]」?\s*(?:と(?:だけ)?答え|と(?:だけ)?回答|を選)",
            r"(?:지시|명령|규칙).{0,8}?무시",
            r"(?<![A-Za-z])[A-Z](?:라고|를|을|만)?\s*(?:답하|답변|선택|대답)",
            r"تجاهل.{0,30}?(?:تعليمات|أوامر|الأوامر)",
            r"निर्देश.{0,20}?(?:अनदेखा|नज़रअंदाज़|अनदेखी)",
        ),
    ),
    # A forged question, record or option, and fences that would close a block of data.
    (
        ": {|:{",
        (
            r"\b(?i:record|first|second|options?|candidate)(?:\s?\w)?\s?:\s?\{",
            rf"(?:^|[\s\"'}}]){_LABEL}\s?:\s?\{{",
        ),
    ),
    (
        "record|options|do both|which option|are both|choose one",
        (
            r"\b(?i:record)\s[12]\s?:",
            r"\b(?i:options)\s?:?\s[A-Z]\s?:",
            r"(?i:do both describe the same|which option is the same|are both the same thing\?|"
            r"choose one of:)",
        ),
    ),
    (
        "</|```|~~~~|---|===|###|***|end of",
        (
            r"(?i:</\s?(?:data|records?|options?|documents?|context|input|user_input|untrusted|values?)>)",
            r"`{3}|~{4}",
            r"[-=#*]{3,}\s*(?i:end|begin|start|system|instructions?)\b",
            r"\b(?i:end of (?:the )?(?:records|options|prompt|user (?:input|message)|instructions|"
            r"quoted (?:text|data)|data block))\b",
        ),
    ),
)
"""Groups: the words of which a text holds one, and what is looked for in it then."""

TOKENS = (
    r"[<＜﹤]\|[^<>|]{1,40}\|?[>＞]?",
    r"<[｜▁]",
    r"</s>",
    r"<<?/?(?:SYS|sys)>>?",
    r"<(?:start|end)_of_(?:turn|role|text|image)>",
    r"</?(?:think|tool_call|tool_response|bos|eos|unk|mask|assistant|user|system)>",
    r"<0x[0-9A-F]{2}>",
    r"[\[［]/?(?:INST|SYS|gMASK|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS|SYSTEM_PROMPT|BOS|EOS|"
    r"UNUSED_TOKEN_\d+)[\]］]",
    r"\[\|\w+\|\]",
    r"\]~!?\w|\[e~\[",
    r"◁/?\w+▷",
    r"(?i:#{3}\s*(?:instruction|response|system|assistant|human|user)\b)",
)
"""What chat templates take for their own: those of ChatML, Llama, Mistral, Gemma, DeepSeek, GLM, EXAONE,
MiniMax, Kimi and Alpaca."""
