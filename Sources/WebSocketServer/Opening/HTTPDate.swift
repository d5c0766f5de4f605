#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// Dates as HTTP writes them: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
enum HTTPDate {
    static func now() -> String { text(secondsSince1970: secondsNow()) }

    /// The day's clock, in seconds since 1970.
    static func secondsNow() -> Int { Int(time(nil)) }

    static func text(secondsSince1970 seconds: Int) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        // The names are English whatever the locale, so strftime will not do.
        let date = "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
        let clock = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
        return "\(date) \(parts.tm_year + 1900) \(clock) GMT"
    }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}

// MARK: - Reading

extension HTTPDate {
    /// Seconds since 1970 of a date in any of the three forms that a recipient must understand (RFC 9110 §5.6.7).
    ///
    /// The day of the week is not looked at: it says nothing that the date does not.
    ///
    /// - Parameter now: decides in which century a year of two digits lies.
    /// - Returns: `nil` for what is no date, or one before 1970.
    static func seconds(of text: String, now: Int = secondsNow()) -> Int? {
        let parts = text.split(separator: " ", maxSplits: 7)
        switch parts.count {
        case 6 where parts[5] == "GMT":
            // Sun, 06 Nov 1994 08:49:37 GMT
            return seconds(
                day: parts[1],
                month: parts[2],
                year: number(parts[3], digits: 4...4),
                clock: parts[4]
            )
        case 4 where parts[3] == "GMT":
            // Sunday, 06-Nov-94 08:49:37 GMT
            let date = parts[1].split(separator: "-", omittingEmptySubsequences: false)
            guard date.count == 3, let short = number(date[2], digits: 2...2) else { return nil }
            return seconds(day: date[0], month: date[1], year: year(short, now: now), clock: parts[2])
        case 5:
            // Sun Nov  6 08:49:37 1994
            return seconds(
                day: parts[2],
                month: parts[1],
                year: number(parts[4], digits: 4...4),
                clock: parts[3]
            )
        default:
            return nil
        }
    }

    private static func seconds(day: Substring, month: Substring, year: Int?, clock: Substring) -> Int? {
        let clock = clock.split(separator: ":", omittingEmptySubsequences: false)
        guard clock.count == 3, let hour = number(clock[0], digits: 2...2), hour < 24,
            let minute = number(clock[1], digits: 2...2), minute < 60,
            // 60 is a leap second.
            let second = number(clock[2], digits: 2...2), second <= 60,
            let day = number(day, digits: 1...2), let month = months.firstIndex(where: { $0 == month }),
            let year, year >= 1970, (1...length(ofMonth: month, year)).contains(day)
        else { return nil }
        let days = daysBefore(year: year) + (0..<month).reduce(0) { $0 + length(ofMonth: $1, year) } + day - 1
        return ((days * 24 + hour) * 60 + minute) * 60 + second
    }

    /// A year of two digits is never more than 50 years ahead (RFC 9110 §5.6.7).
    private static func year(_ short: Int, now: Int) -> Int {
        // Of the average length; which day it is hardly matters 50 years from now.
        let thisYear = 1970 + now / 31_556_952
        let year = thisYear - thisYear % 100 + short
        return year > thisYear + 50 ? year - 100 : year
    }

    private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    /// - Parameter month: from 0.
    private static func length(ofMonth month: Int, _ year: Int) -> Int {
        switch month {
        case 1: isLeap(year) ? 29 : 28
        case 3, 5, 8, 10: 30
        default: 31
        }
    }

    /// From 1970-01-01 to the first day of a year.
    private static func daysBefore(year: Int) -> Int {
        let leapDays = { (year: Int) in year / 4 - year / 100 + year / 400 }
        return (year - 1970) * 365 + leapDays(year - 1) - leapDays(1969)
    }

    private static func number(_ text: Substring, digits: ClosedRange<Int>) -> Int? {
        guard digits.contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text)
    }
}
