// Package wire holds the plain values that pass between the engine and whatever shows a run: the wizard, the linear
// printer, JSON, the report and attach. Every value can be written as JSON; nothing here does I/O beyond the framing in
// codec.go.
//
// Delivery: events with a sequence number are durable. They are in the journal before any front end sees them, and a
// front end that connects late receives all of them in order. Events without a sequence number (progress, log lines,
// viewer counts) may be dropped when a front end is slow; losing one never changes what a view says has happened.
//
// One pure function, Fold, turns events into a View. A journal folded from the start and a live stream give the same
// View.
package wire

// Version is the version of the format. A worker and a front end that differ in it refuse each other; a journal
// carries it in its first record.
const Version = 1
