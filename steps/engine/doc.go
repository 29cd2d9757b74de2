// Package engine runs a path: it asks, plans, journals, sends, probes, verifies, and takes a run up again after its
// process died at any point.
//
// One goroutine owns a Machine and is the only writer of its journal. Front ends send wire.Message values and receive
// wire.Event values; the engine knows nothing else of them. The promises:
//
//   - An action is sent only after its intent is in the journal, and an intent only after the operator confirmed the
//     plan whose hash the answer carries.
//   - A question is never answered by time, by the end of a connection, or by a default; without viewers the run parks.
//   - What an action may touch is what its references say; the hands it is given refuse the rest.
//   - After a crash the world is probed before anything is sent again.
package engine
