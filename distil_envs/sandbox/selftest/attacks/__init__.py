"""What runs inside: functions that need nothing but their arguments, the standard library and named helpers."""
