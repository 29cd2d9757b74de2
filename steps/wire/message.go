package wire

// MessageKind names what a front end says to the engine.
type MessageKind string

const (
	SayAnswer MessageKind = "answer"
	SayNote   MessageKind = "note"
	SayPark   MessageKind = "park" // park after the running action, or now if a question is open or something is tried again
	SayNow    MessageKind = "now"  // what is tried again by itself is tried at once
	SayStop   MessageKind = "stop" // it is not tried again; the question what to do comes at once
)

// Message is one thing a front end says. The engine answers with events only.
type Message struct {
	Kind   MessageKind `json:"kind"`
	Answer *Answer     `json:"answer,omitempty"`
	Text   string      `json:"text,omitempty"`
	By     string      `json:"by,omitempty"`
}
