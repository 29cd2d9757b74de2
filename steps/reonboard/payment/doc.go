// Package payment moves what a wallet owns to another one, each planned payment at most once, whatever is lost on the way: answers, workers,
// machines, operators. It is pure but for two interfaces, Book and Purse.
//
// A payment is paid by attempts, one after the other, each with a tracking ID that is derived from who pays whom, the payment's number and the
// attempt's. Three rules hold it together:
//
//   - An attempt is stored, with a precondition, before it is sent.
//   - What may have been sent is sent again only under the same tracking ID, with the same amount. The wallet takes a tracking ID once:
//     it looks into its own log, and the ledger refuses the command that was given before (read in upstream's handler of transfer offers).
//   - The next attempt begins only when the one before is proven to be over: expired, rejected or withdrawn. That it was not found proves
//     nothing.
package payment
