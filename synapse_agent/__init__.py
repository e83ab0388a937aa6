"""One host of the lab: joins the platform and says what it has. Running plugins here builds on this."""
