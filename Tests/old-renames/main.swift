import COldRenames

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

// Runs a program as it would run on a file system that has only the oldest of renames.
guard CommandLine.argc > 1, cold_renames_begin() == 0 else { exit(125) }
execv(CommandLine.arguments[1], CommandLine.unsafeArgv + 1)
exit(126)
