package synapse

// TerminalInfo describes one end of a call. What is absent is None in Python.
type TerminalInfo struct {
	// StatusCode is the result, with the meaning that HTTP gives it.
	StatusCode Optional[int] `json:"status_code"`
	// StatusMessage is the result in words.
	StatusMessage Optional[string] `json:"status_message"`
	// ProcessTime is the time that this end took, in seconds.
	ProcessTime Optional[float64] `json:"process_time"`
	IP          Optional[string]  `json:"ip"`
	Port        Optional[int]     `json:"port"`
	// Version is the version of the software as VersionAsInt writes it.
	Version Optional[int] `json:"version"`
	// Nonce is the time of signing, in nanoseconds since 1970. Up to SDK 7.1 it
	// was the uptime of the host.
	Nonce Optional[int64] `json:"nonce"`
	// UUID tells the objects apart that sign with one key.
	UUID Optional[string] `json:"uuid"`
	// Hotkey is an SS58 address.
	Hotkey Optional[string] `json:"hotkey"`
	// Signature is 0x and 128 hexadecimal digits.
	Signature Optional[string] `json:"signature"`
}

// SetStatus sets the status code and its message.
func (t *TerminalInfo) SetStatus(code int, message string) {
	t.StatusCode, t.StatusMessage = Some(code), Some(message)
}

// terminalFields are the names of TerminalInfo's fields on the wire, in order.
var terminalFields = [...]string{
	"status_code", "status_message", "process_time", "ip", "port", "version", "nonce", "uuid", "hotkey", "signature",
}

// set sets a field from the text of a header.
func (t *TerminalInfo) set(field int, text string) (err error) {
	switch field {
	case 0:
		t.StatusCode, err = parseInt[int](text)
	case 1:
		t.StatusMessage = Some(text)
	case 2:
		t.ProcessTime, err = parseFloat(text)
	case 3:
		t.IP = Some(text)
	case 4:
		t.Port, err = parseInt[int](text)
	case 5:
		t.Version, err = parseInt[int](text)
	case 6:
		t.Nonce, err = parseInt[int64](text)
	case 7:
		t.UUID = Some(text)
	case 8:
		t.Hotkey = Some(text)
	default:
		t.Signature = Some(text)
	}
	return err
}

// Overlay replaces each field that other has, as a dendrite does with what the
// headers of an answer say.
func (t *TerminalInfo) Overlay(other TerminalInfo) {
	overlay(&t.StatusCode, other.StatusCode)
	overlay(&t.StatusMessage, other.StatusMessage)
	overlay(&t.ProcessTime, other.ProcessTime)
	overlay(&t.IP, other.IP)
	overlay(&t.Port, other.Port)
	overlay(&t.Version, other.Version)
	overlay(&t.Nonce, other.Nonce)
	overlay(&t.UUID, other.UUID)
	overlay(&t.Hotkey, other.Hotkey)
	overlay(&t.Signature, other.Signature)
}

func overlay[T any](dst *Optional[T], src Optional[T]) {
	if src.Present {
		*dst = src
	}
}
