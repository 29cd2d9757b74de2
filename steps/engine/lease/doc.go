// Package lease keeps other operators away from the node of a run, with a Lease in the node's namespace. It is a promise among
// operators and no fence: a write that is under way when the Lease is lost still arrives, which is why every write carries a
// precondition besides.
//
// Three spans make it work. A holder renews every Every. It begins no write when its last renewal was sent more than Within ago.
// Another takes over only after it has itself seen the same version of the Lease for Span, and with that version as the
// precondition of the write; so Span less Within is what is left for a write that was begun at the last moment. The holder counts
// by a clock that goes on while the machine is suspended; each side counts by its own clock, and no time that somebody else wrote
// is ever compared with it.
package lease
