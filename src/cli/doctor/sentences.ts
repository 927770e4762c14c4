/** Twenty short sentences of nobody's, for recognisers and voices. */
export const sentences: ReadonlyArray<string> = [
  "I would like to book a table.",
  "What is the weather in Paris?",
  "Please call me back tomorrow.",
  "Where is my order?",
  "I need to speak to a person.",
  "Can you change my appointment?",
  "The heating does not work.",
  "Yes, that is correct.",
  "No, thank you very much.",
  "How much does it cost?",
  "Is there a train this evening?",
  "I forgot my password.",
  "We are four people.",
  "Could you say that again?",
  "My name is Peter Miller.",
  "I want to cancel my contract.",
  "When do you open on Monday?",
  "The parcel arrived broken.",
  "Do you have a room with a view?",
  "That is all for today."
]

/** Most times that one is asked. */
export const most = sentences.length
