// Package wizard is the full-screen program that shows a run and takes the operator's answers.
//
// There is one Bubble Tea model, root; everything else is a plain struct with methods. What is known of the run is the
// folded wire.View and nothing else: no screen keeps a second copy. Update never does I/O: what has to be sent or waited
// for is a command, and a command never touches the model.
//
// Three promises to the operator, each with a test of its name: leaving never answers a question, whatever the reason for
// leaving; keys typed before a question could be read do not answer it; Enter alone never confirms a change.
//
// The keys of a screen or dialog, the footer and the help come from one list of bindings (keys.go), so that the footer
// names exactly what works.
package wizard
