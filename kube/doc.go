// Package kube holds the verbs a recovery needs on a Kubernetes cluster: looking (Cluster) and changing (Hands). It knows
// nothing of recoveries, terminals or steps.
//
// Three promises shape it.
//
// What is shown is what is sent. A Cluster cannot write: the transport below it lets only reads and the two reviews pass that a client
// may ask about itself. Hands can write only what the list of Access they were made with covers; the transport below them refuses the
// rest with *NotShown. Both guards stand next to the wire, so no code above them has to be trusted. Every writing verb V has a
// companion AccessV, which names what it needs, and CommandV, the same change as a kubectl line for a person.
//
// A Lease is not a fence, so every write carries a precondition: a resourceVersion, a uid, or a value that is tested by the server
// in the same request. A precondition that fails is an *Error of kind Conflict and means: look again, somebody else was here.
//
// What comes back is plain data. Results are structs that survive JSON unchanged, so that they can be journaled as facts; objects of
// client-go never leave the package, except as manifests in YAML. Lists are sorted. A verb that looks up one object answers
// (value, found, error): an object that is not there is found=false, never an error. All other failures are *Error, a sentence of
// what was tried, what was seen and what to do next, free of control characters, HTML and stack traces. Text that other programs
// wrote (events, messages, logs) is stripped of control characters.
//
// Times are time.Time in UTC, sizes are bytes with the original text beside them. Waiting loops belong to the caller, who has the
// clock; each verb here is a bounded number of requests.
package kube
