// Package dump recognises what the apps write of a node's identity, says whose it is and whether it can be used, and takes it apart without
// changing a byte of it (reference/apis.md 4 and 5). Such files hold private keys: nothing of a key but its kind, its name and its fingerprint
// ever leaves this package.
package dump
