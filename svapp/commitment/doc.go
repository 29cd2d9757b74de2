// Package commitment finds out from the logs of participants until when super validators agreed, and on which moment of time
// a network can be recovered.
//
// A participant compares the ACS commitments of its counterparties with its own, period by period, and up to Canton 3.5 says of each that
// agrees "Commitment correct for sender S and period P" (reference/apis.md 9.2). Scan reads such lines out of logs of any wrapping
// and size and makes the Report of one SV. Agree takes the reports of several and answers the latest moment at which more than two thirds
// of them agree, each with each.
//
// What no line says is not known: a line may be rotated away, may not be logged at the level or by the release, or may have been lost
// with an asynchronous appender. So a missing line is never a disagreement here, and warnings say where lines could not be expected.
package commitment
