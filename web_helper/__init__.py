"""The platform's server side: `backend` (the truth), `middleend` (worker machines), `frontend`."""
