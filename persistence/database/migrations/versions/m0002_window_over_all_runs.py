"""An index for the newest samples of all runs, from which a learner starts warm."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "schedrace"


def upgrade() -> None:
    """Create the index: 0.5 s a million samples, during which nobody writes them."""
    op.create_index("training_data_created_at_idx", "training_data", ["created_at"], schema=SCHEMA)


def downgrade() -> None:
    """Drop it again."""
    op.drop_index("training_data_created_at_idx", "training_data", schema=SCHEMA)
