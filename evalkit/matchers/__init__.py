"""When an argument is what the case wanted. One file a matcher."""
