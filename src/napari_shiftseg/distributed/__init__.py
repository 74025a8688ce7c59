"""Images beyond memory: predicted, joined and clustered block by block, exactly."""
