"""Makes photos with swapped faces, for measurements of recognisers and of the authenticity gate."""
