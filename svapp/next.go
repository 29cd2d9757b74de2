package svapp

// next is what to do about an error whose kind and source are known. Who knows more (the token, the way) says more.
func next(e *Error) string {
	switch e.Kind {
	case Unreachable:
		return "this says nothing about the app itself: check the address, the network of this machine and the VPN, or take another way to the app"
	case Untrusted:
		return "compare the address with the server's certificate; where an authority of your own signs it, configure its certificate"
	case Proxy:
		return "check HTTPS_PROXY and NO_PROXY, and whether the proxy lets this host pass"
	case Timeout, Cut:
		return "try again; if it stays, take another way to the app and read its log"
	case Canceled:
		return "ask again"
	case Ingress:
		return "the ingress does not get through to the app: look at its pod, or take a way that goes past the ingress"
	case Blocked:
		return "most likely the ingress lets only listed addresses in: go through the VPN, have this machine's address listed, or take a way that goes past the ingress"
	case Login:
		return "something that wants a browser to log in stands before the app: take a way that goes past it"
	case Elsewhere:
		return "check the address: it is not the app that answers there"
	case NoEndpoint:
		return "compare the release of the app with the endpoint, and the address with what the ingress passes on"
	case Unauthorized:
		return "get a token for this app: it may be missing, expired, for another audience or from another identity provider; the log of the app has the reason"
	case Forbidden:
		if e.From == FromApp {
			return "look at the participant first: while it is down every token is refused so; else the token's user may not act as the SV party or lacks participant admin"
		}
		return "look at the participant first: while it is down every token is refused so; else the token's user lacks a right, or the ingress refuses this machine. The log of the app tells which"
	case NotFound:
		return "check what was asked for: the app does not know it, or not yet"
	case Conflict:
		return "look at what exists already before sending anything again"
	case Invalid:
		return "read the app's reason; the release of the app may expect something else"
	case Starting:
		return "a node behind the app seems to be starting still: try again in a minute"
	case Throttled:
		return "wait a moment and try again"
	case Unavailable:
		return "look at the participant, the sequencer and the mediator: the app waits for one of them; then try again"
	case Busy:
		return "wait before asking again: the app may still be at work on this request, and a second one doubles its load"
	case TooLate:
		return "wait until the participant has caught up, or agree on an earlier time"
	case Pruned:
		return "agree on a later time: the participant has no state for this one"
	case Server:
		return "read the log of the app: it has the cause"
	case Malformed:
		return "compare the release of the app with those this program knows, and the address with the app"
	case TooLarge:
		return "check the address: an answer of this size was not expected"
	case NoToken:
		return "configure a token, or the client that gets one"
	}
	return "keep this message for the report"
}
