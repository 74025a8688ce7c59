"""Image to objects: the only place that joins the layers."""
