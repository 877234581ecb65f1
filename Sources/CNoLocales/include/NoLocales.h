// Nothing: what this target has is for the linker.
