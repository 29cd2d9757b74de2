// Package triage says which recovery a node needs, if any, from what has been seen of it. It is pure: evidence is read elsewhere and
// passed in with the time at which it was read; the same evidence at the same time always gives the same result, in whatever order it
// came. A gatherer fills its own part of Evidence and nothing else, and Judge can be called again after each.
//
// Three promises, each with a test: what was not read is "not determined" and never a guess; less evidence never makes re-onboarding
// or a network recovery recommended that was not so before; and every reason names the evidence on which it stands.
package triage
