"""Secrets that can be told by their shape alone: tokens with a prefix of their maker, keys, passwords in addresses.

Each shape says which plain words must be there for it to match at all; looking for those is far cheaper than the
pattern. It refuses shapes that harmless identifiers share: a digest, a commit and a trace id are no secrets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HIDDEN = "[hidden]"
"""What stands where a secret stood."""


@dataclass(frozen=True)
class Shape:
    """``marks`` are lower case, one of them stands in every match; ``example`` is for the documents, no real token."""

    name: str
    example: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    shown: str = HIDDEN


def _shape(name: str, example: str, marks: str, pattern: str, shown: str = HIDDEN) -> Shape:
    """``marks`` are divided by blanks; one that holds a blank has ``__`` instead."""
    return Shape(
        name,
        example,
        tuple(mark.replace("__", " ").replace("\\n", "\n") for mark in marks.split()),
        re.compile(pattern),
        shown,
    )


_KEY_NAME = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_NOT_PROSE = r"(?=[^\s\"']{0,80}?[0-9!#$%*^~@?_+=.])"
"""A guess from a command's short flag: words of prose have none of these."""

SHAPES: tuple[Shape, ...] = (
    Shape(
        "Private keys (PEM, OpenSSH, PGP)",
        "-----BEGIN RSA PRIVATE KEY-----...",
        ("private key",),
        re.compile(rf"-----BEGIN {_KEY_NAME}.*?(?:-----END {_KEY_NAME}|\Z)", re.DOTALL),
    ),
    _shape(
        "Private keys (PuTTY, age)",
        "AGE-SECRET-KEY-1...",
        "private-lines age-secret-key",
        r"(?<=Private-Lines: )\d+\s[A-Za-z0-9+/=\s]+(?:-MAC: \w+)?|\bAGE-SECRET-KEY-1[0-9A-Z]{20,}",
    ),
    _shape(
        "Slack",
        "xoxb-..., xoxp-..., xoxe.xoxp-..., xoxd-..., xapp-...",
        "xox xapp-",
        r"\b(?:xox[a-z](?:\.xox[a-z])?|xapp)-[A-Za-z0-9%+/=-]{4,}",
    ),
    _shape(
        "Webhooks of Slack, Discord, Teams",
        "https://hooks.slack.com/services/...",
        "hooks.slack webhooks/ webhook.office.com",
        r"https://(?:hooks\.slack\.com/[A-Za-z]+/[A-Za-z0-9/_-]+|(?:\w{1,20}\.)?discord(?:app)?\.com/api/webhooks/[\w/-]+"
        r"|[\w-]{1,60}\.webhook\.office\.com/[\w/@-]+)",
    ),
    _shape(
        "GitHub, GitLab, Bitbucket, Atlassian",
        "ghp_..., github_pat_..., glpat-..., ATATT3...",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat glpat- glrt glpt glcbt- gldt- glft- glsoat- glimt- glagent- gloas- "
        "atatt3 atctt3 atbb",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|ATBB[A-Za-z0-9]{24,}|AT[AC]TT3[\w=-]{24,}"
        r"|gl(?:pat|rt|rtr|ptt|dt|cbt|ft|soat|imt|agent|oas)-[\w-]{16,})",
    ),
    _shape(
        "AWS",
        "AKIA..., temporary session tokens",
        "akia asia agpa aida aroa abia acca iqojb3jpz2lu fwogzxivyxdz",
        r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ABIA|ACCA)[A-Z0-9]{16}\b"
        r"|\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9+/%=]{20,}",
    ),
    _shape(
        "Google",
        "AIza..., ya29...., GOCSPX-...",
        "aiza ya29. 1//0 gocspx-",
        r"\b(?:AIza[\w-]{35}|ya29\.[\w-]{20,}|1//0[\w-]{20,}|GOCSPX-[\w-]{20,})",
    ),
    _shape("Azure", "...8Q~...", "q~", r"(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{20,}"),
    _shape("Azure's account keys", "88 characters that end in ==", "==", r"(?<![A-Za-z0-9+/-])[A-Za-z0-9+/]{86}=="),
    _shape(
        "Signed addresses",
        "?sig=..., X-Amz-Signature=..., ?code=...",
        "sig= signature= code=",
        r"(?i)(?:\b(?=s|x-)|(?<=[?&]))((?:sig|code|(?:X-(?:Amz|Goog)-)?Signature)=)[A-Za-z0-9%+/=_-]{20,}",
        rf"\1{HIDDEN}",
    ),
    _shape(
        "Payment",
        "sk_live_..., whsec_..., sq0csp-..., shpat_...",
        "sk_ rk_ pk_ whsec_ sq0 shp",
        r"\b(?:(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{20,}|sq0[a-z]{3}-[\w-]{20,}"
        r"|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32})",
    ),
    _shape(
        "Package registries",
        "npm_..., pypi-..., dckr_pat_..., rubygems_...",
        "npm_ pypi-a rubygems_ dckr_ akc",
        r"\b(?:npm_[A-Za-z0-9]{30,}|pypi-A[\w-]{40,}|rubygems_[0-9a-f]{30,}|dckr_(?:pat|oat)_[\w-]{20,}"
        r"|AKC[A-Za-z0-9]{30,})",
    ),
    _shape(
        "Hosting, secrets, infrastructure",
        "hvs...., dop_v1_..., glsa_..., dapi..., ....atlasv1....",
        "hvs. hvb. hvr. dop_v1_ dor_v1_ doo_v1_ glsa_ glc_ dapi atlasv1 "
        "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit. pscale_ dt0 nrak- sbp_ sntrys_",
        r"\b(?:hv[sbr]\.[\w-]{20,}|do[opr]_v1_[0-9a-f]{40,}|sbp_[0-9a-f]{40}"
        r"|glsa_[A-Za-z0-9]{20,}(?:_[0-9a-fA-F]{8})?|glc_[A-Za-z0-9+/=]{20,}|dapi[0-9a-f]{32}|sntrys_[\w+/=-]{20,}"
        r"|[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}|dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.]{30,}"
        r"|pscale_[a-z]{2,6}_[\w.-]{20,}|dt0[a-z]\d\d\.[A-Z0-9]{20,}\.[A-Z0-9]{40,}|NRAK-[A-Z0-9]{20,})",
    ),
    _shape(
        "Other services",
        "SG...., sk-proj-..., hf_..., lin_api_..., PMAK-...",
        "sg. key- sk- hf_ lin_api_ pmak- :aa",
        r"\b(?:SG\.[\w-]{16,}\.[\w-]{16,}|key-[0-9a-f]{32}\b"
        r"|sk-(?:proj|ant|svcacct|admin|or)-[\w-]{20,}|sk-[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{30,}|lin_api_[A-Za-z0-9]{30,}"
        r"|PMAK-[0-9a-f]{20,}-[0-9a-f]{20,})|(?<!\d)\d{8,10}:AA[\w-]{32,}",
    ),
    _shape(
        "Keys of PagerDuty services",
        "routing_key=0123...",
        "routing integration",
        r"(?i)((?:routing|integration)[_ -]?key[\"']?\s?[:=]\s?[\"']?)[0-9a-f]{32}\b",
        rf"\1{HIDDEN}",
    ),
    _shape(
        "JSON Web Tokens",
        "eyJ....eyJ....",
        "eyj",
        r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?",
    ),
    _shape(
        "Authorization by scheme",
        "Bearer ..., Basic ...",
        "bearer basic geniekey api-token",
        r"\b((?i:bearer|basic|geniekey|api-token))\s+(?!Information\b)(?![\w-]{1,40}=[\"'])"
        r"(?=[a-z._~+/-]{0,60}[A-Z0-9=])[A-Za-z0-9._~+/=-]{8,}",
        rf"\1 {HIDDEN}",
    ),
    _shape(
        "Tokens in addresses",
        "https://...@host",
        "@",
        r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://)(?=[A-Za-z_-]{0,80}\d)[\w-]{16,400}(?::[^\s/\"'<>]{1,400})?@",
        rf"\1{HIDDEN}@",
    ),
    _shape(
        "Passwords in addresses",
        "postgres://user:...@host",
        "@",
        r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@\"'<>]{0,200}):[^\s/\"'<>]{1,400}@",
        rf"\1:{HIDDEN}@",
    ),
    _shape(
        "Passwords in addresses without a scheme",
        "user:...@tcp(host), thin:user/...@host",
        "@tcp( @unix( thin: credential",
        r"(\b[\w.-]{1,60}:)[^\s:/\"']{1,200}(?=@(?:tcp|unix)\()|(\bthin:[\w.-]{1,60}/)[^\s/@\"']{1,200}(?=@)"
        r"|((?i:\bcredentials?\s(?:for\s)?)[`\"'][\w.-]{1,60}:)[^\s`\"']{1,200}(?=[`\"'])",
        rf"\1\2\3{HIDDEN}",
    ),
    _shape(
        "Short flags of well-known programs",
        "mysql -p..., curl -u user:..., --user user:..., redis-cli -a ..., sshpass -p ...",
        "mysql mariadb mongo docker__login curl redis-cli sshpass ldap openssl smbclient rabbitmqctl zip__ ssh-keygen "
        "--user",
        r"(?m)(\b(?:mysql|mariadb)[\w-]{0,20}\s(?:[^\n|;]{0,200}?\s)?-p)[^\s\"']+"
        r"|(\b(?:mongo\w{0,10}|docker login|sshpass)\s(?:[^\n|;]{0,200}?\s)?-p\s?)(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"']+)"
        r"|(\bcurl\s(?:[^\n|;]{0,200}?\s)?-u\s?[\"']?[^\s:\"']{1,80}:)[^\s\"']+"
        r"|(\bredis-cli\s(?:[^\n|;]{0,200}?\s)?(?:-a|--pass)\s)[^\s\"']+"
        r"|(\bldap\w{1,10}\s(?:[^\n|;]{0,200}?\s)?-w\s)[^\s\"']+"
        r"|(\bopenssl\s(?:[^\n|;]{0,200}?\s)?(?:-k\s|-pass(?:in|out)?\spass:))[^\s\"']+"
        r"|(\bsmbclient\s(?:[^\n|;]{0,200}?\s)?-U\s[^\s%]{1,80}%)[^\s\"']+"
        r"|(\brabbitmqctl\s(?:add_user|change_password)\s\S{1,80}\s)[^\s\"']+"
        r"|(--user[ =][\"']?[^\s:\"'/]{1,80}:)[^\s\"']+"
        r"|(\b(?:un)?zip\s(?:[^\n|;]{0,200}?\s)?-P\s?|\bssh-keygen\s(?:[^\n|;]{0,200}?\s)?-[NP]\s)[^\s\"']+",
        rf"\1\2\3\4\5\6\7\8\9\g<10>{HIDDEN}",
    ),
    _shape(
        "Passwords of text protocols",
        "AUTH ..., PASS ..., IDENTIFIED BY '...', INSERT INTO users (password) ...",
        'auth__ auth" auth\\n pass__ identified insert__into password__for',
        r"(?m)(^\"?(?:AUTH|PASS)\"?(?:\s+\$\d+)?\s+\"?)" + _NOT_PROSE + r"[^\s\"']{4,}"
        r"|(\b(?i:IDENTIFIED\s{1,4}BY\s{1,4}|SET\s{1,4}PASSWORD\s{1,4}FOR\s{1,4}\S{1,80}\s{0,4}=\s{0,4}))"
        r"(?:'[^'\n]*'|\"[^\"\n]*\")"
        r"|(\b(?i:INSERT\s{1,4}INTO\s[^()]{1,100}\([^()]{0,300}(?:passw|secret|token|api_?key)[^()]{0,300}\)"
        r"\s{0,4}VALUES\s{0,4}))\([^\n]*",
        rf"\1\2\3{HIDDEN}",
    ),
)
