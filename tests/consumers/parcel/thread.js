import "streamgage/thread";
