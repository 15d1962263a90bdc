"""One page that shows a run's metamers: see `page.write_gallery`."""
