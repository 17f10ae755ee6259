"""Config as code: `plumbline.yaml`, policies and alert rules; strict, with line numbers and nearest-name hints."""
