"""The self-exciting processes behind `SelfExciting`: in cells, continuous in space, and without a formula."""
