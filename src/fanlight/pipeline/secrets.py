"""
What a secret looks like, and the cheap sign by which it is noticed at all.

Everything is RE2. A pattern's group `secret` is what is masked; without one it is the whole match. A `hint` must be
found in the event's JSON wherever its pattern is found in a text of the event: it may use no character that JSON
escapes, and no word boundary, because JSON writes a line break as a letter.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Secret(msgspec.Struct, frozen=True):
    """One kind of secret."""

    kind: str
    pattern: str
    hint: str


VENDOR_SECRETS: Final = (
    Secret("anthropic_key", r"sk-ant-[A-Za-z0-9_-]{12,}", "sk-ant-"),
    Secret("openai_key", r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{12,}", "sk-(?:proj|svcacct|admin|None)-"),
    Secret("openrouter_key", r"sk-or-v1-[A-Za-z0-9]{16,}", "sk-or-v1-"),
    Secret("langfuse_key", r"sk-lf-[A-Za-z0-9-]{16,}", "sk-lf-"),
    Secret("openai_key", r"\bsk-[A-Za-z0-9]{20,}", "sk-[A-Za-z0-9]{20}"),
    Secret("aws_key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", "A(?:KI|SI|BI|CC)A[A-Z0-9]{4}"),
    Secret("gcp_key", r"AIza[A-Za-z0-9_-]{35}", "AIza[A-Za-z0-9_-]{4}"),
    Secret("gcp_key", r"GOCSPX-[A-Za-z0-9_-]{20,}", "GOCSPX-"),
    Secret("gcp_key", r"ya29\.[A-Za-z0-9_-]{20,}", r"ya29\."),
    Secret("github_token", r"gh[pousr]_[A-Za-z0-9]{30,}", "gh[pousr]_[A-Za-z0-9]{4}"),
    Secret("github_token", r"github_pat_[A-Za-z0-9_]{20,}", "github_pat_"),
    Secret(
        "gitlab_token",
        r"gl(?:pat|ptt|rt|dt|soat|cbt|ft|imt|oas|agent)-[A-Za-z0-9_-]{16,}",
        "gl(?:pat|ptt|rt|dt|soat|cbt|ft|imt|oas|agent)-",
    ),
    Secret("slack_token", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}", r"xox[a-z][.-]"),
    Secret("slack_token", r"xapp-[0-9]-[A-Za-z0-9-]{16,}", "xapp-[0-9]"),
    Secret(
        "slack_webhook",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9/_-]{16,})",
        r"hooks\.slack\.com",
    ),
    Secret("huggingface_token", r"\bhf_[A-Za-z0-9]{30,}", "hf_[A-Za-z0-9]{8}"),
    Secret("huggingface_token", r"api_org_[A-Za-z0-9]{30,}", "api_org_"),
    Secret("stripe_key", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}", "[sr]k_(?:live|test)_"),
    Secret("stripe_key", r"whsec_[A-Za-z0-9+/]{20,}", "whsec_"),
    Secret("twilio_key", r"\bSK[0-9a-f]{32}\b", "SK[0-9a-f]{8}"),
    Secret("sendgrid_key", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", r"SG\.[A-Za-z0-9_-]{4}"),
    Secret("mailgun_key", r"\bkey-[0-9a-f]{32}\b", "key-[0-9a-f]{8}"),
    Secret("groq_key", r"\bgsk_[A-Za-z0-9]{20,}", "gsk_[A-Za-z0-9]{8}"),
    Secret("xai_key", r"\bxai-[A-Za-z0-9]{20,}", "xai-[A-Za-z0-9]{8}"),
    Secret("perplexity_key", r"pplx-[A-Za-z0-9]{20,}", "pplx-"),
    Secret("replicate_token", r"\br8_[A-Za-z0-9]{30,}", "r8_[A-Za-z0-9]{8}"),
    Secret("nvidia_key", r"nvapi-[A-Za-z0-9_-]{20,}", "nvapi-"),
    Secret("tavily_key", r"tvly-[A-Za-z0-9-]{16,}", "tvly-"),
    Secret("pinecone_key", r"pcsk_[A-Za-z0-9_]{20,}", "pcsk_"),
    Secret("databricks_token", r"\bdapi[0-9a-f]{32}", "dapi[0-9a-f]{8}"),
    Secret("langsmith_key", r"lsv2_(?:pt|sk)_[A-Za-z0-9_]{16,}", "lsv2_"),
    Secret("wandb_key", r"wandb_v[0-9]_[A-Za-z0-9_-]{16,}", "wandb_v[0-9]_"),
    Secret("logfire_token", r"pylf_v[0-9]_[A-Za-z0-9_]{16,}", "pylf_v"),
    Secret("npm_token", r"npm_[A-Za-z0-9]{30,}", "npm_[A-Za-z0-9]{8}"),
    Secret("pypi_token", r"pypi-[A-Za-z0-9_-]{30,}", "pypi-[A-Za-z0-9_-]{8}"),
    Secret("docker_token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}", "dckr_"),
    Secret("digitalocean_token", r"do[opr]_v1_[a-f0-9]{32,}", "do[opr]_v1_"),
    Secret("vault_token", r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}", r"hv[sbr]\.[A-Za-z0-9_-]{8}"),
    Secret("newrelic_key", r"NRAK-[A-Z0-9]{20,}", "NRAK-"),
    Secret("telegram_token", r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}", "[0-9]{8}:AA"),
    Secret(
        "azure_key",
        r"(?i)(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/=%]{16,})",
        "(?i)AccessKey=|AccountKey=",
    ),
    Secret("azure_key", r"(?i)[?&;]sig=(?P<secret>[A-Za-z0-9+/=%]{20,})", "(?i)sig="),
    Secret("azure_key", r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}", "[0-9]Q~"),
    Secret(
        "jwt",
        r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)+",
        r"eyJ[A-Za-z0-9_-]{8}",
    ),
    Secret(
        "private_key",
        r"(?s)-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----.*?"
        r"(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\z)",
        "PRIVATE KEY",
    ),
    Secret("private_key", r"(?i)AGE-SECRET-KEY-1[A-Z0-9]{40,}", "(?i)AGE-SECRET-KEY-1"),
    Secret(
        "url_password",
        r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@\"'<>]*:(?P<secret>[^\s/?#\"'<>]+)@",
        r"://[^\s/?#:@\"<>]*:[^\s/?#\"<>]+@",
    ),
    Secret(
        "authorization",
        r"(?i)\bbearer\s+(?P<secret>[A-Za-z0-9._~+/-]{20,}=*)",
        r"(?i)bearer(?:\s|\\+[nrtf])+[A-Za-z0-9._~+/-]{8}",
    ),
    Secret(
        "authorization",
        r"\b[Bb]asic\s+(?P<secret>[A-Za-z0-9+/]{12,}={1,2})",
        r"[Bb]asic(?:\s|\\+[nrtf])+[A-Za-z0-9+/]{8}",
    ),
)
"""Secrets that are recognised by themselves."""
