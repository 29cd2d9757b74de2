// Package upload copies a file into a pod over exec, so that what is cut can be gone on with and what is damaged is never taken for whole.
//
// The file is written to PATH.part at fixed offsets: a command of a connection that was cut may still write when the next one does, and both
// write the same bytes to the same place. Beside it lies a record of which file it is to become. After a cut the pod hashes what it has, chunk
// by chunk, and only what does not fit is sent again. At the end the pod makes it durable and hashes all of it; only when that is the hash of
// the file here, it gets its name.
//
// The pod tells how far it has written, and no more than a window of what it has not told of is under way: a container that dies may go on taking
// what nobody writes.
package upload
