"""Models that runs have made."""

from __future__ import annotations

from sqlalchemy.orm import joinedload

from web_helper.backend.models import Model
from web_helper.backend.queries.filters import Listing, common_filters, contains_text, integers

LISTING = Listing(
    noun="models",
    entity=Model,
    keys=(Model.id,),
    filters={
        **common_filters(Model.id, contains_text(Model.name), searched="the name"),
        "plugin_release": integers(Model.plugin_release_id, "Models that these releases made."),
    },
    loads=(joinedload(Model.data_file),),
)
