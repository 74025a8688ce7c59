"""The pixel under the pointer, and two that were clicked."""
