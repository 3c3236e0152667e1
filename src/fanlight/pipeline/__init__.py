"""What happens to an event between the normaliser and the journal."""

from fanlight.pipeline.collapse import Collapser
from fanlight.pipeline.content import strip_content
from fanlight.pipeline.floor import SecretsFloor
from fanlight.pipeline.processors import ProcessorChain

__all__ = ["Collapser", "ProcessorChain", "SecretsFloor", "strip_content"]
